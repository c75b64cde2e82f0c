# The environment emulated: sample servers on an emulated AWS. All that is particular to it stands in lake.yaml.

module "settings" {
  source = "../../modules/settings"

  config_file = coalesce(var.config_file, "${path.root}/lake.yaml")
  owner       = var.owner
}

locals {
  # No registry here holds images: for a digest of nothing the runner takes what this machine has.
  none   = join("", [for digit in range(64) : "0"])
  here   = { for stage in module.settings.contract.stages : stage => "market-lake/${stage}@sha256:${local.none}" }
  images = length(var.images) > 0 ? var.images : local.here
}

module "environment" {
  source = "../../modules/environment"

  config               = module.settings.config
  contract             = module.settings.contract
  images               = local.images
  alarm_email          = var.alarm_email
  permissions_boundary = var.permissions_boundary

  # nobody waits a minute for a sample exchange
  wait_seconds = 1
}
