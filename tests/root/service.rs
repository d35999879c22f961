//! The service for systemd, as far as that says without running it.

use std::{fs, process::Command};

use crate::common::Peer;

/// A word in it that systemd does not know would be passed over when it runs.
#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn systemd_knows_every_word_of_the_service() {
    let unit = fs::read_to_string("contrib/grove-hub.service").unwrap();
    // It is looked for where it says.
    let unit = unit.replace("/usr/local/bin/grove", env!("CARGO_BIN_EXE_grove"));
    let operator = Peer::new("operator");
    let path = operator.write("grove-hub.service", unit);
    let verified = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .arg(path)
        .output()
        .expect("systemd-analyze is missing; install it: apt-get install systemd");
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success(), "{said}");
}
