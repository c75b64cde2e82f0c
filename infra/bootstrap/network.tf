# What a deployment may do to networks. AWS makes up their names, so tags say whose they are: what is made
# must be given the environment's tags in the same call, and only what carries them may be changed or used.
# The provider sets these tags on everything (its default_tags under infra/envs).
#
# Nothing lets a deployment tag what was there before it, or it could make anything its own. That is why
# modules/network leaves the default group of its VPC alone, which AWS makes without tags.
#
# The calls are those of the provider, recorded for both modes of the network; in each that makes something
# it sent the tags.

locals {
  # new things, apart from what they are made in: who makes a subnet needs the right to its VPC too
  new_networks = {
    MakeNetworks = { kinds = ["vpc", "internet-gateway", "elastic-ip"], actions = ["ec2:AllocateAddress", "ec2:CreateInternetGateway", "ec2:CreateVpc"] }
    MakeParts    = { kinds = ["subnet", "route-table", "security-group"], actions = ["ec2:CreateRouteTable", "ec2:CreateSecurityGroup", "ec2:CreateSubnet"] }
    MakeWays     = { kinds = ["natgateway", "vpc-endpoint"], actions = ["ec2:CreateNatGateway", "ec2:CreateVpcEndpoint"] }
  }
  rule_makers = ["ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress"]
  makers      = concat(flatten([for statement in local.new_networks : statement.actions]), local.rule_makers)

  # kinds matter where something is made in something else; elsewhere the actions say which there can be
  network_arns = { for kind in ["*", "elastic-ip", "internet-gateway", "natgateway", "network-interface", "route-table", "security-group", "security-group-rule", "subnet", "vpc", "vpc-endpoint"] :
    kind => [for place in local.places : "${local.arn}:ec2:${place}:${kind}/*"]
  }

  # by role
  networks = { for role, scope in local.scopes : role => merge(
    {
      for name, statement in local.new_networks : name => {
        resources  = flatten([for kind in statement.kinds : local.network_arns[kind]])
        actions    = statement.actions
        conditions = local.tagged[role].request
      }
    },
    {
      TagNew = {
        resources  = local.network_arns["*"]
        actions    = ["ec2:CreateTags"]
        conditions = concat(local.tagged[role].request, [{ test = "StringEquals", variable = "ec2:CreateAction", values = [for action in local.makers : trimprefix(action, "ec2:")] }])
      }
      ChangeOwn = {
        resources  = local.network_arns["*"]
        actions    = ["ec2:AssociateRouteTable", "ec2:AttachInternetGateway", "ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateNatGateway", "ec2:CreateRoute", "ec2:CreateRouteTable", "ec2:CreateSecurityGroup", "ec2:CreateSubnet", "ec2:CreateVpcEndpoint", "ec2:DeleteInternetGateway", "ec2:DeleteNatGateway", "ec2:DeleteRoute", "ec2:DeleteRouteTable", "ec2:DeleteSecurityGroup", "ec2:DeleteSubnet", "ec2:DeleteTags", "ec2:DeleteVpc", "ec2:DeleteVpcEndpoints", "ec2:DetachInternetGateway", "ec2:DisassociateAddress", "ec2:DisassociateRouteTable", "ec2:ModifyVpcAttribute", "ec2:ModifyVpcEndpoint", "ec2:ReleaseAddress", "ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress"]
        conditions = local.tagged[role].resource
      }
      # its other tags may change, these two only to what they are
      TagOwn = {
        resources  = local.network_arns["*"]
        actions    = ["ec2:CreateTags"]
        conditions = concat(local.tagged[role].resource, [for condition in local.tagged[role].request : merge(condition, { test = "StringEqualsIfExists" })])
      }
      # A rule is made and taken away with the right to its group, which ChangeOwn has. It needs no tag of its
      # own: a new group has one without, which lets everything out, and the provider takes it away.
      Rules = {
        resources = local.network_arns["security-group-rule"]
        actions   = concat(local.rule_makers, ["ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress"])
      }
      # An address is let go of before it is given back, with the right to it, which ChangeOwn has. The interface
      # that it was of is the NAT gateway's: AWS makes it, without tags.
      LetGo = {
        resources = local.network_arns["network-interface"]
        actions   = ["ec2:DisassociateAddress"]
      }
    },
  ) if role != "plan" }

  # the tags that say so: an account may have other projects with an Environment of the same name
  tagged = { for role, scope in local.scopes : role => {
    for where, key in { request = "aws:RequestTag", resource = "aws:ResourceTag" } : where => [
      { test = "StringEquals", variable = "${key}/Project", values = ["market-lake"] },
      { test = "StringEquals", variable = "${key}/Environment", values = scope.environments },
    ]
  } if role != "plan" }
}
