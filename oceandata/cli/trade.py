"""The group of commands of the exchange; each is imported when it is called."""

import click

from oceandata.cli.lazy import LazyGroup

__all__ = ["COMMANDS", "trade"]

#: Where each command lives, and its one line of help.
COMMANDS: dict[str, tuple[str, str]] = {
    "draft": ("oceandata.cli.trade_products:draft", "Draft the product document of an entry."),
    "validate": ("oceandata.cli.trade_products:validate", "List everything that is wrong with product documents."),
    "show": ("oceandata.cli.trade_products:show", "Show a product document."),
    "quote": ("oceandata.cli.trade_products:quote", "Price a result, or a part of an entry, before it is read."),
    "attribution": ("oceandata.cli.trade_products:attribution", "Print the text that a result owes its data."),
    "relist": ("oceandata.cli.trade_products:relist", "Tell whether a result may be listed on an exchange."),
    "usage": ("oceandata.cli.trade_usage:usage", "Report what was served, by product, revision and variable."),
    "init": ("oceandata.cli.trade_registry:init", "Make an empty registry."),
    "products": ("oceandata.cli.trade_registry:products", "List the products of the registry."),
    "status": ("oceandata.cli.trade_registry:status", "Show where a product stands."),
    "add": ("oceandata.cli.trade_registry:add", "Add a product document to the registry, as a draft."),
    "submit": ("oceandata.cli.trade_registry:submit", "Hand a draft in for review by a second person."),
    "return": ("oceandata.cli.trade_registry:return_", "Send a product back to draft, with a reason."),
    "approve": ("oceandata.cli.trade_registry:approve", "Approve what another person submitted."),
    "publicize": ("oceandata.cli.trade_registry:publicize", "Put down when a product is open to objections."),
    "objection": ("oceandata.cli.trade_registry:objection", "Put down an objection, or settle one."),
    "register": ("oceandata.cli.trade_registry:register", "Attach a registration certificate."),
    "revise": ("oceandata.cli.trade_listings:revise", "Pin a revision of a product, with what changed."),
    "revoke-revision": ("oceandata.cli.trade_listings:revoke_revision", "Revoke a revision, with a reason."),
    "offer": ("oceandata.cli.trade_listings:offer", "Add a new version of a product's offer."),
    "list": ("oceandata.cli.trade_listings:list_", "List a product on an exchange."),
    "relink": ("oceandata.cli.trade_links:relink", "Link a product, its entry and its document both ways."),
    "suspend": ("oceandata.cli.trade_listings:suspend", "Take a listing off sale for a time."),
    "delist": ("oceandata.cli.trade_listings:delist", "End a listing."),
    "archive": ("oceandata.cli.trade_listings:archive", "Close a delisted product for good."),
    "import-order": ("oceandata.cli.trade_listings:import_order", "Put down an order as the exchange tells of it."),
    "import-entitlement": ("oceandata.cli.trade_listings:import_entitlement", "Put down what a buyer may do."),
    "revoke-entitlement": ("oceandata.cli.trade_listings:revoke_entitlement", "Revoke an entitlement."),
    "deliver": ("oceandata.cli.trade_delivery:deliver", "Deliver what an entitlement allows, signed."),
    "verify-delivery": ("oceandata.cli.trade_delivery:verify_delivery", "Check a package that you received."),
    "export": ("oceandata.cli.trade_exports:export", "Tell others of products and results: DCAT, ODRL, OpenLineage."),
    "key": ("oceandata.cli.trade_delivery:key", "Make keys that deliveries are signed with."),
    "import-listings": ("oceandata.cli.trade_exchange:import_listings", "Read an exchange's export, keep its rows."),
    "drift": ("oceandata.cli.trade_exchange:drift", "Compare catalogue, registry, exchange and data."),
    "dossier": ("oceandata.cli.trade_exchange:dossier", "Measure the quality of a revision on six dimensions."),
    "holdings": ("oceandata.cli.trade_listings:holdings", "Show what is held, declared beside measured."),
    "log": ("oceandata.cli.trade_registry:log", "List the events of the registry."),
    "audit": ("oceandata.cli.trade_registry:audit", "Compute the chain of events again."),
    "anchor": ("oceandata.cli.trade_registry:anchor", "Print the digest to keep elsewhere."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def trade() -> None:
    """
    Products, quotes, rights, usage, the registry and deliveries.

    \b
    Examples:
      oceandata trade validate product.yaml
      oceandata trade quote --entry sst --bbox -170 -5 -120 5 --time 2009
    """
