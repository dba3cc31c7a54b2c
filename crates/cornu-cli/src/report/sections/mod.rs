//! One file per section of the page.

mod data;
mod mistakes;
mod network;
mod overview;
mod reproduce;
mod results;
mod training;

pub(super) use data::data;
pub(super) use mistakes::mistakes;
pub(super) use network::network;
pub(super) use overview::{header, overview};
pub(super) use reproduce::reproduce;
pub(super) use results::results;
pub(super) use training::training;
