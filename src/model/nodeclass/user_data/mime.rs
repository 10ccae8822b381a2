//! MIME as cloud-init and nodeadm read it: a message of parts, and the parts of what a user wrote, be it
//! a message, a script or a NodeConfig.

/// Content type of a NodeConfig.
pub(super) const NODE_CONFIG: &str = "application/node.eks.aws";
/// Content type of a script.
pub(super) const SCRIPT: &str = "text/x-shellscript; charset=\"us-ascii\"";
/// Stands between parts; a part that has such a line is refused.
const BOUNDARY: &str = "SPARKWRIGHT";

/// A part: its header and its body.
pub(super) fn part(content_type: &str, body: &str) -> String {
    format!("Content-Type: {content_type}\n\n{}\n", body.trim_end())
}

/// A message of parts.
pub(super) fn message(parts: &[String]) -> String {
    let mut text =
        format!("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"{BOUNDARY}\"\n\n");
    for part in parts {
        text.push_str(&format!("--{BOUNDARY}\n{part}\n"));
    }
    text.push_str(&format!("--{BOUNDARY}--\n"));
    text
}

/// The parts of what a user wrote. The error is what is wrong and what to write instead.
pub(super) fn parts(text: &str) -> Result<Vec<String>, String> {
    let text = text.replace("\r\n", "\n");
    if text
        .lines()
        .any(|line| line.starts_with(&format!("--{BOUNDARY}")))
    {
        return Err(format!(
            "has a line that begins with --{BOUNDARY}; change that line"
        ));
    }
    let start = text.trim_start();
    let lower = start.get(..32).unwrap_or(start).to_lowercase();
    if start.is_empty() {
        Ok(Vec::new())
    } else if lower.starts_with("mime-version:") || lower.starts_with("content-type:") {
        parts_of_message(start)
    } else if start.starts_with("#!") {
        Ok(vec![part(SCRIPT, start)])
    } else if start.contains("apiVersion: node.eks.aws/") && start.contains("kind: NodeConfig") {
        Ok(vec![part(NODE_CONFIG, start)])
    } else {
        Err(
            "is neither a script, nor a NodeConfig, nor MIME; begin it with #!, with \
             apiVersion: node.eks.aws/v1alpha1 and kind: NodeConfig, or with MIME-Version: 1.0"
                .to_owned(),
        )
    }
}

fn parts_of_message(text: &str) -> Result<Vec<String>, String> {
    let (head, body) = text
        .split_once("\n\n")
        .ok_or("is MIME without a body; write its parts behind an empty line")?;
    let boundary = boundary(head).ok_or(
        "is MIME without a boundary; write Content-Type: multipart/mixed; boundary=\"//\"",
    )?;
    let (opening, closing) = (format!("--{boundary}"), format!("--{boundary}--"));
    let mut parts: Vec<String> = Vec::new();
    let mut closed = false;
    for line in body.lines() {
        if line.trim_end() == closing {
            closed = true;
            break;
        } else if line.trim_end() == opening {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push_str(line);
            part.push('\n');
        }
    }
    if !closed {
        return Err(format!(
            "is MIME that does not end; write {closing} behind its last part"
        ));
    }
    let trimmed = parts
        .into_iter()
        .map(|part| format!("{}\n", part.trim_end()));
    let parts: Vec<String> = trimmed.filter(|part| !part.trim().is_empty()).collect();
    let bare = parts.iter().find(|part| {
        !part.to_lowercase().starts_with("content-") && !part.to_lowercase().starts_with("mime-")
    });
    match bare {
        Some(_) => Err("has a part without Content-Type; write one above each part".to_owned()),
        None => Ok(parts),
    }
}

/// The boundary that a message's header names.
fn boundary(head: &str) -> Option<String> {
    let unfolded = head.replace("\n ", " ").replace("\n\t", " ");
    let line = unfolded
        .lines()
        .find(|line| line.to_lowercase().starts_with("content-type:"))?;
    let at = line.to_lowercase().find("boundary=")? + "boundary=".len();
    let value = line[at..].split(';').next()?.trim().trim_matches('"');
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_taken_apart_gives_its_parts() {
        let given = [
            part(SCRIPT, "#!/bin/sh\necho '--x'"),
            part(NODE_CONFIG, "a: 1"),
        ];
        let foreign = message(&given).replace(BOUNDARY, "==B==");
        assert_eq!(parts(&foreign).unwrap(), given);
        assert_eq!(parts(&foreign.replace('\n', "\r\n")).unwrap(), given);
    }

    #[test]
    fn scripts_and_node_configs_become_parts() {
        assert_eq!(
            parts("#!/bin/sh\ntrue\n").unwrap(),
            [part(SCRIPT, "#!/bin/sh\ntrue")]
        );
        let config = "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\n";
        assert_eq!(parts(config).unwrap(), [part(NODE_CONFIG, config)]);
        assert_eq!(parts(" \n").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn other_forms_are_refused_with_what_to_write() {
        for (text, problem) in [
            ("echo hello", "begin it with #!"),
            (
                "MIME-Version: 1.0\nContent-Type: text/plain\n\nx",
                "without a boundary",
            ),
            ("MIME-Version: 1.0", "without a body"),
            (
                "Content-Type: multipart/mixed; boundary=\"b\"\n\n--b\nContent-Type: a/b\n\nx\n",
                "does not end",
            ),
            (
                "Content-Type: multipart/mixed; boundary=b\n\n--b\necho\n--b--\n",
                "without Content-Type",
            ),
            ("#!/bin/sh\n--SPARKWRIGHT\n", "change that line"),
        ] {
            let error = parts(text).unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }
}
