"""Values by subscription: publish requests, responses, what they say."""
