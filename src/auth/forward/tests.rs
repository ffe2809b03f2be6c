//! The mode `forward`.
