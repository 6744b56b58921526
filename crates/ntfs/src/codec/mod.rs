//! Decompressors of NTFS and of the Windows overlay filter.
