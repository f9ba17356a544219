//! A unix socket's file: made where nobody listens, removed by the one that made it.
//!
//! 1. A file that is no socket is never touched.
//! 2. A socket that answers belongs to somebody; one that does not was left behind, and is replaced.
//! 3. The permissions are set before anything can connect: connecting needs `listen`, which comes last.
//! 4. At the end the file is removed if it is still the one that was made: another process may have taken the place.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

/// The file of a listening socket. Dropped, it is removed.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    /// Makes the file and listens.
    pub fn listen(path: &Path, mode: u32, backlog: i32) -> io::Result<(UnixListener, Self)> {
        clear(path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SockAddr::unix(path)?)?;
        let file = Self { path: path.to_owned(), identity: identity(&fs::symlink_metadata(path)?) };
        fs::set_permissions(path, Permissions::from_mode(mode))?;
        socket.listen(backlog)?;
        Ok((socket.into(), file))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| identity(&found) == self.identity) {
            // What cannot be removed is replaced by the next start.
            let _left_behind = fs::remove_file(&self.path);
        }
    }
}

/// Makes room for a socket, unless somebody is there.
fn clear(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file that is no socket"));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "somebody listens there")),
        Err(error) => Err(error),
    }
}

fn identity(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in.sock");
        (folder, path)
    }

    #[test]
    fn the_file_has_its_mode_and_goes_with_its_socket() {
        let (_folder, path) = folder();
        for mode in [0o600, 0o660, 0o666] {
            let (_socket, file) = SocketFile::listen(&path, mode, 8).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
            assert!(UnixStream::connect(&path).is_ok());
            drop(file);
            assert!(!path.exists());
        }
    }

    #[test]
    fn what_was_left_behind_is_replaced_and_what_is_used_is_not() {
        let (_folder, path) = folder();
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "nobody removed it");
        let (_socket, file) = SocketFile::listen(&path, 0o600, 8).unwrap();
        let error = SocketFile::listen(&path, 0o600, 8).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(path.exists());
        drop(file);
    }

    #[test]
    fn nothing_else_is_ever_removed() {
        let (_folder, path) = folder();
        fs::write(&path, "a file").unwrap();
        assert_eq!(SocketFile::listen(&path, 0o600, 8).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "a file");
        fs::remove_file(&path).unwrap();

        let (_socket, file) = SocketFile::listen(&path, 0o600, 8).unwrap();
        fs::rename(&path, path.with_extension("moved")).unwrap();
        let _successor = UnixListener::bind(&path).unwrap();
        drop(file);
        assert!(path.exists(), "the successor's file is not ours");
    }
}
