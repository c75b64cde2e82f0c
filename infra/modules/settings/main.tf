# What a root must know before it has a provider: the text of lake.yaml, the facts of the code, and what
# the provider is told. Nothing is made here, and no account is asked.

locals {
  config = file(var.config_file)
  lake   = yamldecode(local.config)
  aws    = try(local.lake.aws, {})
}
