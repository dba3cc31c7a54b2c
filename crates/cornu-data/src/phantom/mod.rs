//! Drawn below.
