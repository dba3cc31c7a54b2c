//! How Keras names the groups of a weights file.
//!
//! In `model.weights.h5` a layer's group is not called by the layer's name but by its class:
//! `layers/conv2d_1/vars`. Source: Keras 3, keras/src/utils/naming.py and
//! keras/src/saving/saving_lib.py.

use std::collections::BTreeMap;

/// Keras's `to_snake_case`: `Conv2D` becomes `conv2d`, `ReLU` `re_lu`, `RMSNormalization`
/// `rms_normalization`.
///
/// An underscore comes before every capitalised word (a capital and small letters) that is not
/// the first, then between every small letter and capital; then all becomes lower case.
/// Characters that are no letters, digits or underscores are dropped.
pub fn snake_case(class_name: &str) -> String {
    let name: Vec<char> = class_name.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect();
    let mut words = Vec::with_capacity(name.len() + 4);
    let mut i = 0;
    while i < name.len() {
        words.push(name[i]);
        i += 1;
        let is_word =
            i + 1 < name.len() && name[i].is_ascii_uppercase() && name[i + 1].is_ascii_lowercase();
        if is_word {
            words.extend(['_', name[i]]);
            i += 1;
            while i < name.len() && name[i].is_ascii_lowercase() {
                words.push(name[i]);
                i += 1;
            }
        }
    }
    let mut snake = String::with_capacity(words.len() + 4);
    for (i, &c) in words.iter().enumerate() {
        if 0 < i && words[i - 1].is_ascii_lowercase() && c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}

/// The group keys of a list of objects by their class names, in order: `dense`, `re_lu`,
/// `dense_1`, ...
pub fn group_keys<'a>(class_names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut used = BTreeMap::new();
    let key = |class_name| {
        let name = snake_case(class_name);
        let n: &mut usize = used.entry(name.clone()).or_insert(0);
        *n += 1;
        if *n == 1 { name } else { format!("{name}_{}", *n - 1) }
    };
    class_names.into_iter().map(key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_keras() {
        // What keras.src.utils.naming.to_snake_case answers.
        let names = [
            ("Dense", "dense"),
            ("Conv2D", "conv2d"),
            ("Conv2DTranspose", "conv2d_transpose"),
            ("DepthwiseConv1D", "depthwise_conv1d"),
            ("ReLU", "re_lu"),
            ("LeakyReLU", "leaky_re_lu"),
            ("PReLU", "p_re_lu"),
            ("ELU", "elu"),
            ("LSTM", "lstm"),
            ("ConvLSTM2D", "conv_lstm2d"),
            ("RNN", "rnn"),
            ("SimpleRNN", "simple_rnn"),
            ("RMSNormalization", "rms_normalization"),
            ("GlobalAveragePooling2D", "global_average_pooling2d"),
            ("ZeroPadding2D", "zero_padding2d"),
            ("UpSampling2D", "up_sampling2d"),
            ("AugMix", "aug_mix"),
            ("MultiHeadAttention", "multi_head_attention"),
            ("InputLayer", "input_layer"),
            ("TFSMLayer", "tfsm_layer"),
            ("RandomRGBToHSV", "random_rgb_to_hsv"),
            ("My_Block", "my__block"),
            ("MyBlock2x", "my_block2x"),
            ("aB", "a_b"),
            ("A", "a"),
            ("", ""),
        ];
        for (class_name, expected) in names {
            assert_eq!(snake_case(class_name), expected, "{class_name}");
        }
    }

    #[test]
    fn repeated_classes_are_numbered() {
        let keys = group_keys(["Dense", "ReLU", "Dense", "Conv2D", "Dense", "ReLU"]);
        assert_eq!(keys, ["dense", "re_lu", "dense_1", "conv2d", "dense_2", "re_lu_1"]);
    }
}
