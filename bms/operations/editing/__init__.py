"""Schedule files: edits by command, edits noticed beside the controller, every version kept."""
