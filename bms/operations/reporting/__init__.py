"""Reports as documents: who works out which, from the files and the ledger of a site."""
