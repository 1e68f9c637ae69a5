//! The exam: any program that speaks the port protocol is asked what the reference is asked, and
//! told where it first does otherwise.

pub mod case;
pub mod coverage;
pub mod examinee;
pub mod expand;
pub mod fields;
pub mod finding;
pub mod fingerprint;
pub mod fuzz;
pub mod investigate;
pub mod port;
pub mod report;
pub mod run;
pub mod sections;
pub mod shrink;
