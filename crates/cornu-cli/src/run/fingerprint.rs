use std::path::{Component, Path};

use cornu::data::{ImageFolder, Split, SplitIndices};

/// Tells one set of pictures from another: a hash of the name, size, class and split of each
/// picture, in the order of their names. It does not depend on where the folder lies.
pub(crate) fn fingerprint(folder: &ImageFolder, split: &SplitIndices) -> String {
    let mut lines = Vec::new();
    for part in Split::ALL {
        for &index in split.get(part) {
            let sample = &folder.samples[index];
            // A picture that cannot be read is told where pictures are read.
            let size = std::fs::metadata(&sample.path).map_or(0, |file| file.len());
            let name = relative(&sample.path, &folder.root);
            let class = &folder.class_names[sample.class_idx];
            lines.push(format!("{name}\0{size}\0{class}\0{part:?}\n"));
        }
    }
    lines.sort_unstable();
    format!("{:016x}", fnv1a(lines.iter().flat_map(|line| line.bytes())))
}

/// `path` below `root`, with `/` on every system.
pub(crate) fn relative(path: &Path, root: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path).components();
    let names = below.filter(|part| matches!(part, Component::Normal(_)));
    names.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// The 64-bit hash FNV-1a of Fowler, Noll and Vo.
fn fnv1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv1a("".bytes()), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a("a".bytes()), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a("foobar".bytes()), 0x8594_4171_f739_67e8);
    }
}
