#![allow(unsafe_code, reason = "the one crate where SIMD and threads are written by hand")]
//! See the crate description.
