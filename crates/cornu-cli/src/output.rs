//! The only place that prints.

#![allow(clippy::print_stderr, reason = "messages go to standard error")]

use std::fmt::Display;
use std::io::{ErrorKind, Write};

use serde::Serialize;

use crate::error::CliError;

/// Writes a result to standard output, with a line break.
pub(crate) fn result(text: impl Display) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => CliError::PipeClosed,
        _ => CliError::message(format!("cannot write to standard output: {error}")),
    })
}

/// Writes a value to standard output as JSON on one line.
pub(crate) fn json(value: &impl Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string(value)
        .map_err(|error| CliError::message(format!("the result is not JSON: {error}")))?;
    result(text)
}

/// `1 picture`, `2 pictures`.
pub(crate) fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// Writes a message to standard error.
pub(crate) fn message(text: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Writes `error: ...` to standard error, on one line.
pub(crate) fn error(error: &CliError) {
    let text = error.to_string();
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    message(format!("error: {}", lines.join("; ")));
}
