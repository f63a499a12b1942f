//! Rounds of the pipeline, with hand-made objects.
