//! Networks of the benchmarks, where they are present: read, and written as they were.

use std::path::Path;

use crate::models;

#[test]
fn networks_of_the_benchmarks_are_read_and_written() {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let Some(folder) =
        above.map(|folder| folder.join("shared/bench/nets")).find_map(|nets| nets.read_dir().ok())
    else {
        return eprintln!("skipped: no networks of the benchmarks");
    };
    for entry in folder {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let text = std::fs::read_to_string(&path).unwrap();
            let object = serde_json::from_str(&text).unwrap();
            models::round_trip(&object).map_err(|failure| failure.at(path.display())).unwrap();
        }
    }
}
