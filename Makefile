# Thin recipes: what they do is in scripts/. `make` alone prints this list.

.DEFAULT_GOAL := help
.PHONY: help demo test fmt lint web bench fuzz deny setup clean

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Everything in one process, with calls that keep coming; ARGS="…" goes to `landfall demo`
	@scripts/demo.sh $(ARGS)

test: ## Every test and check there is, cheap ones first
	@scripts/test.sh format web lint deny rust e2e

fmt: ## Format the Rust code
	@cargo fmt --all

lint: ## Format check, clippy, documentation, shell scripts
	@scripts/test.sh format lint

web: ## Build the web client into web-client/dist, from where `cargo build` embeds it
	@scripts/web.sh

bench: ## The benchmarks, next to nginx; ARGS="…" chooses among them
	@scripts/bench.sh $(ARGS)

fuzz: ## Fuzz what the outside sends; ARGS="TARGET… SECONDS", all of it for 600 s each without
	@scripts/fuzz.sh $(ARGS)

deny: ## Licences, origins and known vulnerabilities of the dependencies
	@scripts/deny.sh

setup: ## Install what demo and test need
	@scripts/setup.sh

clean: ## Remove everything that was built
	@cargo clean
	@rm -rf web-client/dist web-client/lib web-client/node_modules web-client/react-18/node_modules
