//! Reports of the examples are whole or not there.

use std::collections::BTreeMap;
use std::{fs, process};

use example_common::write_json;

#[test]
fn reports_are_whole_or_not_there() {
    let folder = std::env::temp_dir().join(format!("burn-xai-reports-{}", process::id()));
    let path = folder.join("report.json");
    let missing = write_json(&[1, 2], &path).unwrap_err().to_string();
    assert!(missing.contains("report.json") && missing.contains("No such file"), "{missing}");

    fs::create_dir(&folder).unwrap();
    write_json(&[1, 2], &path).unwrap();
    // JSON has no such keys.
    write_json(&BTreeMap::from([((), 1)]), &path).unwrap_err();
    assert_eq!(serde_json::from_slice::<Vec<u8>>(&fs::read(&path).unwrap()).unwrap(), [1, 2]);
    #[cfg(target_os = "linux")]
    {
        std::os::unix::fs::symlink("/dev/full", folder.join("full.json")).unwrap();
        let full = write_json(&[1, 2], &folder.join("full.json")).unwrap_err().to_string();
        assert!(full.contains("full.json") && full.contains("No space left"), "{full}");
        fs::remove_file(folder.join("full.json")).unwrap();
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    fs::remove_dir_all(folder).unwrap();
}
