//! The command line: arguments, progress, JSON, exit codes.
