pub(super) use super::fallback::bind;
