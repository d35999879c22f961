//! One file for each verb: its arguments, whose comments are its help, and what it does with them.

pub(crate) mod cache;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod get;
pub(crate) mod hub;
pub(crate) mod id;
pub(crate) mod join;
pub(crate) mod leave;
pub(crate) mod ls;
pub(crate) mod man;
pub(crate) mod share;
