"""Reports: a plan or a verification as a dict for tools, and as tables for people."""
