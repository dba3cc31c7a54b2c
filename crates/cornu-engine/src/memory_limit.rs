//! How much memory there is. Systems such as Linux promise more than they have and end the program
//! later, so what cannot be is refused before it is asked for.

use std::path::Path;

use crate::EngineError;

/// Bytes of the machine's memory, or of what the process's control group may use of it. `None`
/// where the system does not say.
pub(crate) fn memory_of_machine() -> Option<u64> {
    read_limits(|path| std::fs::read_to_string(path).ok())
}

/// The least of the limits that Linux's files name; `read` gives the text of a file.
fn read_limits(read: impl Fn(&Path) -> Option<String>) -> Option<u64> {
    let physical = read(Path::new("/proc/meminfo")).and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    });
    let groups = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
    // A line is `number:controllers:path`; the second version has no controllers. A group is under
    // the limits of those around it, too.
    let limits = groups.lines().flat_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (root, file) = match parts.next() {
            Some("") => ("/sys/fs/cgroup", "memory.max"),
            Some(list) if list.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => return Vec::new(),
        };
        let group = Path::new(parts.next().unwrap_or_default().trim_start_matches('/'));
        let limit = |group| read(&Path::new(root).join(group).join(file))?.trim().parse().ok();
        group.ancestors().filter_map(limit).collect()
    });
    physical.into_iter().chain(limits).min()
}

/// Refuses `bytes` (a floating-point number, as absurd sizes are asked about, too) beyond `limit`,
/// and in any case what no address reaches. What passes can be counted in a `usize`.
pub(crate) fn check_memory(
    what: impl FnOnce() -> String,
    bytes: f64,
    limit: Option<u64>,
) -> Result<(), EngineError> {
    let reachable = isize::MAX as u64;
    if bytes <= limit.unwrap_or(reachable).min(reachable) as f64 {
        return Ok(());
    }
    Err(EngineError::Memory { what: what(), bytes, limit })
}

/// `bytes` with a unit: 1.5 GB are 1.5e9 bytes.
pub(crate) fn in_units(bytes: f64) -> String {
    let mut rest = bytes;
    for unit in ["B", "kB", "MB", "GB", "TB", "PB"] {
        if rest < 1000.0 {
            return format!("{rest:.1} {unit}");
        }
        rest /= 1000.0;
    }
    if rest < 1000.0 { format!("{rest:.1} EB") } else { format!("{rest:.1e} EB") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_limit_counts() {
        let limit = |files: &[(&str, &str)]| {
            read_limits(|path| {
                let file = files.iter().find(|(name, _)| Path::new(name) == path)?;
                Some(file.1.to_owned())
            })
        };
        let meminfo = ("/proc/meminfo", "MemFree: 1 kB\nMemTotal:       8 kB\nBuffers: 1 kB\n");
        let group = ("/proc/self/cgroup", "4:cpu,memory:/a/b\n0::/c/d\n");
        let old = ("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "5000\n");
        let new = ("/sys/fs/cgroup/c/d/memory.max", "4000\n");
        assert_eq!(limit(&[]), None);
        assert_eq!(limit(&[meminfo]), Some(8192));
        assert_eq!(limit(&[meminfo, group]), Some(8192));
        assert_eq!(limit(&[meminfo, group, old]), Some(5000));
        assert_eq!(limit(&[meminfo, group, old, new]), Some(4000));
        assert_eq!(limit(&[group, ("/sys/fs/cgroup/memory.max", "max\n")]), None);
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(in_units(999.0), "999.0 B");
        assert_eq!(in_units(65.5e12), "65.5 TB");
        assert_eq!(in_units(1e30), "1.0e12 EB");
        assert!(check_memory(String::new, 1e19, None).is_err());
        assert!(check_memory(String::new, 1e19, Some(u64::MAX)).is_err());
        assert!(check_memory(String::new, 100.0, Some(100)).is_ok());
    }
}
