"""Messages in words: an alert, what is new of it, the digest. Small numbers are suppressed here, for every channel."""
