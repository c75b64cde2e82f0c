# An environment in a VPC that is there already: `network` is all that a root without one lacks. Which VPC, and
# the one thing that tasks need besides, is in network.tf.

module "settings" {
  source = "../../modules/settings"

  config_file = coalesce(var.config_file, "${path.root}/lake.yaml")
  owner       = var.owner

  # tags of one's own go to everything
  tags = { CostCenter = "market-data" }
}

module "environment" {
  source = "../../modules/environment"

  config               = module.settings.config
  contract             = module.settings.contract
  images               = var.images
  alarm_email          = var.alarm_email
  permissions_boundary = var.permissions_boundary

  network = {
    subnets        = var.subnets
    security_group = aws_security_group.tasks.id
  }
}
