//! One process at a time in a service's folder. Another service with the same folder would take the records of this one's
//! running attempts for what it had left undone itself, and run them a second time.

use std::{
    fs::{File, TryLockError},
    io,
    path::Path,
    time::Duration,
};

use tokio::time::Instant;

/// So long the process before may take to let go: it may be ending just now.
const PATIENCE: Duration = Duration::from_secs(10);
/// So often it is tried.
const EVERY: Duration = Duration::from_millis(20);

/// Takes the folder. It is free again when the file that is returned is closed, however the process ends.
///
/// # Errors
/// If the lock file cannot be made, or somebody else keeps the folder.
pub(crate) async fn take(folder: &Path) -> io::Result<File> {
    take_within(folder, PATIENCE).await
}

async fn take_within(folder: &Path, patience: Duration) -> io::Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(folder.join("lock"))?;
    let give_up = Instant::now() + patience;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() >= give_up => {
                let folder = folder.display();
                return Err(io::Error::new(
                    io::ErrorKind::ResourceBusy,
                    format!("another process serves with the folder {folder}: each needs one of its own"),
                ));
            }
            Err(TryLockError::WouldBlock) => {
                if !std::mem::replace(&mut told, true) {
                    tracing::info!(folder = %folder.display(), "waiting for another process to let go of the folder");
                }
                tokio::time::sleep(EVERY).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{io::ErrorKind, time::Duration};

    use super::{take, take_within};

    #[tokio::test]
    async fn a_folder_has_one_user_and_is_free_after_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = take(folder.path()).await.expect("it is free");
        let refused = take_within(folder.path(), Duration::ZERO).await.expect_err("it is taken");
        assert_eq!(refused.kind(), ErrorKind::ResourceBusy);
        assert!(refused.to_string().contains("each needs one of its own"));
        drop(first);
        take_within(folder.path(), Duration::ZERO).await.expect("it is free again");
    }
}
