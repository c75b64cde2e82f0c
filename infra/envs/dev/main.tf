# The environment dev: the real source, a few days. All that is particular to it stands in lake.yaml.

locals {
  config = file(var.config_file == null ? "${path.root}/lake.yaml" : var.config_file)
  lake   = yamldecode(local.config)
}

module "environment" {
  source = "../../modules/environment"

  config   = local.config
  contract = jsondecode(file("${path.root}/../../contract.json"))
  queries = {
    for name in fileset("${path.root}/../../../sql/queries", "*.sql") :
    trimsuffix(name, ".sql") => file("${path.root}/../../../sql/queries/${name}")
  }
  images               = var.images
  alarm_email          = var.alarm_email
  permissions_boundary = var.permissions_boundary
}
