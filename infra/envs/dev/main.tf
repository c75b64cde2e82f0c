# The environment dev: the real source, a few days. All that is particular to it stands in lake.yaml.

module "settings" {
  source = "../../modules/settings"

  config_file = coalesce(var.config_file, "${path.root}/lake.yaml")
  owner       = var.owner
}

module "environment" {
  source = "../../modules/environment"

  config               = module.settings.config
  contract             = module.settings.contract
  images               = var.images
  alarm_email          = var.alarm_email
  permissions_boundary = var.permissions_boundary
}
