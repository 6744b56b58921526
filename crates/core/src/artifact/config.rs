//! IIS configuration: `applicationHost.config` and `IIS_schema.xml`.
