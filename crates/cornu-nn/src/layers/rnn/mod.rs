//! Recurrent layers: one generic layer over time, and its cells.
//!
//! A layer is unrolled: each step is nodes of its own in the graph, at most
//! [`MAX_STEPS`] of them.

mod bidirectional;
mod cell;
mod conv_lstm_cell;
mod gates;
mod gru_cell;
mod lstm_cell;
mod recurrent;
mod simple_rnn_cell;
mod stacked_cells;
mod time_distributed;

pub use bidirectional::{Bidirectional, MergeMode};
pub use cell::{Cell, Masks};
pub use conv_lstm_cell::ConvLSTMCell;
pub use gates::GateRules;
pub use gru_cell::GRUCell;
pub use lstm_cell::LSTMCell;
pub use recurrent::{MAX_STEPS, Recurrent, RecurrentSettings};
pub use simple_rnn_cell::SimpleRNNCell;
pub use stacked_cells::{AnyCell, StackedRNNCells};
pub use time_distributed::TimeDistributed;

/// `h' = activation(x @ kernel + h @ recurrent_kernel + bias)` over time.
pub type SimpleRNN = Recurrent<SimpleRNNCell>;
/// Long short-term memory (Hochreiter and Schmidhuber 1997) over time.
pub type LSTM = Recurrent<LSTMCell>;
/// Gated recurrent units (Cho et al. 2014) over time.
pub type GRU = Recurrent<GRUCell>;
/// Long short-term memory with convolutions along one axis in place of products.
pub type ConvLSTM1D = Recurrent<ConvLSTMCell<1>>;
/// Long short-term memory with convolutions of pictures in place of products.
pub type ConvLSTM2D = Recurrent<ConvLSTMCell<2>>;
/// Long short-term memory with convolutions of volumes in place of products.
pub type ConvLSTM3D = Recurrent<ConvLSTMCell<3>>;
/// Any cell, or a stack of cells, over time.
pub type RNN = Recurrent<AnyCell>;
