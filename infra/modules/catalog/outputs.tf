output "databases" {
  description = "Glue databases by zone."
  value       = { for zone, database in aws_glue_catalog_database.this : zone => database.name }
}

output "tables" {
  description = "Columns of each table as registered, name to type: what the contract's are compared with."
  value = {
    for name, table in aws_glue_catalog_table.this : name => merge(
      { for column in table.storage_descriptor[0].columns : column.name => column.type },
      { for column in table.partition_keys : column.name => column.type },
    )
  }
}

output "workgroup" {
  description = "Athena workgroup."
  value       = aws_athena_workgroup.this.name
}
