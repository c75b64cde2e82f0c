# The files of sql/queries serve both sides: `query` puts parameters in and knows zones as schemas; in
# Athena's console they must run as they are. So zones become databases and `:name` its default value.

locals {
  # SQL literals by the type of a parameter; the types are those of jobs/tools/query/src/params.rs
  literal = {
    text      = "'%s'"
    month     = "'%s'"
    timeframe = "'%s'"
    date      = "DATE '%s'"
    int       = "%s"
    decimal   = "CAST('%s' AS decimal(38, 8))"
  }

  defaults = {
    for name, text in var.queries : name => {
      for param in regexall("(?m)^-- param: ([a-z][a-z0-9_]*) ([a-z]+) = ([^\"]*[^\" ]) *\"", text) :
      ":${param[0]}" => format(local.literal[param[1]], param[2] == "''" ? "" : param[2])
    }
  }

  named_queries = {
    for name, text in var.queries : name => {
      purpose = one(regexall("(?m)^-- purpose: (.+)$", text)[0])
      # cut at each `:word`, put the pieces that are parameters in, join
      text = join("", [
        for piece in regexall(":[a-z][a-z0-9_]*|[^:]+|:", local.in_databases[name]) :
        lookup(local.defaults[name], piece, piece)
      ])
    }
  }

  in_databases = {
    for name, text in var.queries : name =>
    replace(text, "/\\b(${join("|", keys(local.databases))})\\.([a-z])/", "${replace(var.name, "-", "_")}_$1.$2")
  }
}
