//! Registry exports as text (`.reg`).
