# An environment whose lake is encrypted with a key of one's own: `kms_key_arn` is all that a root without one
# lacks. The key is in key.tf.

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
  kms_key_arn          = aws_kms_key.lake.arn
}
