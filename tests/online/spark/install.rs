//! Spark as the Python package index has it, installed once into the cache folder, and the Java that it
//! needs: the machine's own, or Debian's where this may install packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::testbed::{build, tell};

/// The version whose pods and logs these tests know.
const PYSPARK: &str = "pyspark==4.3.0";
/// Debian's own choice of Java: 17 in its version 12, 21 in 13. Spark runs on both.
const JAVA: &str = "default-jre-headless";
/// In the folder of an installation that is whole; holds Spark's home.
const MARKER: &str = "installed";

/// Spark as it was installed.
#[derive(Clone, Debug)]
pub struct Spark {
    /// Its home: `bin/` and `jars/` are in it.
    pub home: PathBuf,
    /// The Python that has its package.
    pub python: PathBuf,
}

/// Spark, installed where it is not there yet. None where the machine has no Java or Python and may not get
/// it; says that the test is skipped.
pub fn spark() -> Option<Spark> {
    let missing = match (java(), runs("python3", &["-m", "venv", "--help"])) {
        (false, _) => format!("no Java; install {JAVA}"),
        (_, false) => "no Python with its module venv; install python3-venv".to_owned(),
        (true, true) => {
            let installed = installed();
            return Some(installed.unwrap_or_else(|problem| panic!("install Spark: {problem}")));
        }
    };
    tell(&format!(
        "skipped: a test needs real Spark, and there is {missing}"
    ));
    None
}

/// Whether there is a Java; one is installed where packages may be.
fn java() -> bool {
    if runs("java", &["-version"]) {
        return true;
    }
    if !rustix::process::geteuid().is_root() {
        return false;
    }
    tell(&format!("installing {JAVA} for tests, once"));
    runs("apt-get", &["update"])
        && runs(
            "apt-get",
            &["install", "--yes", "--no-install-recommends", JAVA],
        )
        && runs("java", &["-version"])
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    let ran = Command::new(program).args(arguments).output();
    ran.is_ok_and(|ran| ran.status.success())
}

fn installed() -> Result<Spark, String> {
    let folder = build::cache()?
        .join("peers")
        .join(PYSPARK.replace("==", "-"));
    fs::create_dir_all(&folder).map_err(|error| format!("make {}: {error}", folder.display()))?;
    let lock = fs::File::create(folder.join("lock"))
        .and_then(|file| file.lock().map(|()| file))
        .map_err(|error| format!("lock {}: {error}", folder.display()))?;
    let marker = folder.join(MARKER);
    let python = folder.join("python/bin/python3");
    if !marker.is_file() {
        let home = install(&folder.join("python"), &python)?;
        fs::write(&marker, home).map_err(|error| format!("write {}: {error}", marker.display()))?;
    }
    drop(lock);
    let home = fs::read_to_string(&marker);
    let home = home.map_err(|error| format!("read {}: {error}", marker.display()))?;
    Ok(Spark {
        home: PathBuf::from(home.trim()),
        python,
    })
}

/// Makes a virtual environment with Spark's package; its home.
fn install(folder: &Path, python: &Path) -> Result<String, String> {
    let started = Instant::now();
    tell(&format!(
        "installing {PYSPARK} for tests, once, into {}",
        folder.display()
    ));
    let mut make = Command::new("python3");
    make.args(["-m", "venv", "--clear"]).arg(folder);
    said(make)?;
    let mut get = Command::new(python);
    get.args(["-m", "pip", "install", "--no-input", PYSPARK]);
    said(get)?;
    let mut ask = Command::new(python);
    ask.args(["-c", "import pyspark; print(pyspark.__path__[0])"]);
    let home = said(ask)?;
    tell(&format!(
        "installed {PYSPARK} in {} s",
        started.elapsed().as_secs()
    ));
    Ok(home)
}

fn said(mut command: Command) -> Result<String, String> {
    let ran = command.output();
    let ran = ran.map_err(|error| format!("run {command:?}: {error}"))?;
    match ran.status.success() {
        true => Ok(String::from_utf8_lossy(&ran.stdout).into_owned()),
        false => Err(format!(
            "{command:?}: {}\n{}",
            ran.status,
            String::from_utf8_lossy(&ran.stderr)
        )),
    }
}
