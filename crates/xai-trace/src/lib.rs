//! Records unmodified Burn models as relevance graphs.
