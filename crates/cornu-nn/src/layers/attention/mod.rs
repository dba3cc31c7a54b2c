//! Attention: weighted means of values, the weights being a softmax of scores of keys for queries.

mod additive_attention;
mod dot_product;
mod grouped_query_attention;
mod heads;
mod masks;
mod multi_head_attention;

pub use additive_attention::AdditiveAttention;
pub use dot_product::{Attention, ScoreMode};
pub use grouped_query_attention::GroupQueryAttention;
pub use heads::HeadSettings;
pub use multi_head_attention::MultiHeadAttention;
