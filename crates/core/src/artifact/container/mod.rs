//! Key containers: CAPI and CNG files, their names and the names that Windows itself uses.
