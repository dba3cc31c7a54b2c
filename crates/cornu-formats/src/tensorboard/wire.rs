//! The wire format of protocol buffers, as far as events need it. Fields that are 0 or empty are left
//! out, as in proto3, but for those of `bytes` and `message`.

/// A message that grows field by field.
#[derive(Debug, Clone, Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A whole number, 7 bits a byte.
    pub(super) fn number(mut self, field: u32, value: u64) -> Self {
        if value != 0 {
            self.key(field, 0);
            self.varint(value);
        }
        self
    }

    /// 8 bytes of floating point.
    pub(super) fn double(mut self, field: u32, value: f64) -> Self {
        self.key(field, 1);
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn bytes(mut self, field: u32, value: &[u8]) -> Self {
        if value.is_empty() {
            return self;
        }
        self.delimited(field, value);
        self
    }

    pub(super) fn text(self, field: u32, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    /// A message in the message, also an empty one.
    pub(super) fn message(mut self, field: u32, value: Self) -> Self {
        self.delimited(field, &value.0);
        self
    }

    /// The fields of `other` behind those of this one.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    fn delimited(&mut self, field: u32, value: &[u8]) {
        self.key(field, 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
    }

    fn key(&mut self, field: u32, kind: u32) {
        self.varint(u64::from(field << 3 | kind));
    }

    fn varint(&mut self, mut value: u64) {
        while 0x80 <= value {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_as_in_the_documentation_of_protocol_buffers() {
        assert_eq!(Message::default().number(1, 150).as_bytes(), [0x08, 0x96, 0x01]);
        assert_eq!(Message::default().text(2, "testing").as_bytes(), b"\x12\x07testing");
        let inner = Message::default().number(1, 150);
        assert_eq!(Message::default().message(3, inner).as_bytes(), [0x1a, 3, 0x08, 0x96, 0x01]);
        assert_eq!(Message::default().number(1, 0).as_bytes(), [0u8; 0]);
    }
}
