//! Maps of attribution: which pixels of a picture a network's answer comes from.
