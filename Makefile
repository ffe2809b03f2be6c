# Thin recipes: what they do is in scripts/. `make` alone prints this list.

.DEFAULT_GOAL := help
.PHONY: help demo test fmt lint web bench versus loadtest faults fuzz deny dashboards dashboards-check topology setup clean

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Everything in one process, with calls that keep coming; ARGS="…" goes to `landfall demo`
	@scripts/demo.sh $(ARGS)

test: ## Every test and check there is, cheap ones first
	@scripts/test.sh format web dashboards compose lint deny rust topology e2e

fmt: ## Format the Rust code
	@cargo fmt --all

lint: ## Format check, clippy, documentation, shell scripts
	@scripts/test.sh format lint

web: ## Build the web client into web-client/dist, from where `cargo build` embeds it
	@scripts/web.sh

bench: ## The benchmarks, next to nginx; ARGS="…" chooses among them
	@scripts/bench.sh $(ARGS)

versus: ## Beside nginx, h2o, Caddy, Varnish, Nchan and others, into docs/benchmarks.md; ARGS="media push" chooses
	@scripts/versus.sh $(ARGS)

loadtest: ## The load test against a server of its own; ARGS="run listeners --rate 100" and the like
	@scripts/loadtest.sh $(ARGS)

faults: ## What each fault between processes costs, as a table
	@scripts/faults.sh

fuzz: ## Fuzz what the outside sends; ARGS="TARGET… SECONDS", all of it for 600 s each without
	@scripts/fuzz.sh $(ARGS)

deny: ## Licences, origins and known vulnerabilities of the dependencies
	@scripts/deny.sh

dashboards: ## Write dashboards/*.json anew from their generator
	@scripts/dashboards.sh generate

dashboards-check: ## Every query of every panel and alert, against real processes under load and faults
	@scripts/dashboards.sh prove

topology: ## The services of compose.yml as processes in namespaces, without an engine; as root
	@scripts/compose.sh topology

setup: ## Install what demo and test need
	@scripts/setup.sh

clean: ## Remove everything that was built
	@cargo clean
	@rm -rf web-client/dist web-client/lib web-client/node_modules web-client/react-18/node_modules dashboards/generator/dist dashboards/generator/node_modules compose/check/dist compose/check/node_modules
