# Filled by the engine; see docs.
