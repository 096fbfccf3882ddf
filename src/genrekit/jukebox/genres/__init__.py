"""One composer for each genre: a generator and a length in seconds in, a score out."""
