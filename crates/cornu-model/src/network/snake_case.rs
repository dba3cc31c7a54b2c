/// Keras's snake case of a class name: `Conv2D` is `conv2d`, `ReLU` is `re_lu`.
///
/// An underscore goes before a capitalized word, then between a lower-case letter or digit and a
/// capital; what then looks like `_2d` after a letter stays together because only letters start a
/// word.
///
/// # Source
///
/// Keras 3, `keras/src/utils/naming.py`, `to_snake_case`.
pub fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect();
    let mut snake = String::with_capacity(letters.len() + 4);
    for (i, &letter) in letters.iter().enumerate() {
        let starts_word = letter.is_ascii_uppercase()
            && letters.get(i + 1).is_some_and(char::is_ascii_lowercase);
        let after_lower = i.checked_sub(1).is_some_and(|before| letters[before].is_ascii_lowercase());
        if 0 < i && (starts_word || (letter.is_ascii_uppercase() && after_lower)) {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_names_are_written_as_keras_writes_them() {
        for (class, snake) in [
            ("Conv2D", "conv2d"),
            ("ReLU", "re_lu"),
            ("MaxPooling2D", "max_pooling2d"),
            ("GlobalAveragePooling2D", "global_average_pooling2d"),
            ("PReLU", "p_re_lu"),
            ("LeakyReLU", "leaky_re_lu"),
            ("ELU", "elu"),
            ("RMSNormalization", "rms_normalization"),
            ("Conv2DTranspose", "conv2d_transpose"),
            ("LSTM", "lstm"),
            ("InputLayer", "input_layer"),
            ("UpSampling2D", "up_sampling2d"),
            ("Functional", "functional"),
        ] {
            assert_eq!(snake_case(class), snake);
        }
    }
}
