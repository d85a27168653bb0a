//! Files that are whole or not there.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, io, process};

/// Writes a file, over one already there: a picture, or a report beside it.
///
/// The bytes go to a file in the same folder that is renamed when it is complete. So there is never a file of
/// that name with a part of the bytes: if the disk is full, the one that was there before stays.
///
/// # Errors
/// The reason why it could not be written; nothing is left then.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static WRITES: AtomicU32 = AtomicU32::new(0);
    // A rename would replace a link, and a device or a pipe as well.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if target.exists() && !target.is_file() {
        return fs::write(target, bytes);
    }
    // Not the name with an ending: that may be too long for a name.
    let number = WRITES.fetch_add(1, Ordering::Relaxed);
    let beside = target.with_file_name(format!(".{}-{number}.part", process::id()));
    fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, &target)).inspect_err(|_| {
        // The error that is reported is the first one.
        let _ = fs::remove_file(&beside);
    })
}
