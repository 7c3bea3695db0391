BEGIN TRANSACTION;
CREATE TABLE entitlements (
        id TEXT NOT NULL, order_id TEXT NOT NULL REFERENCES orders (id),
        product TEXT NOT NULL REFERENCES products (id), mode TEXT NOT NULL, starts TEXT NOT NULL, ends TEXT,
        document TEXT NOT NULL, source_sha256 TEXT NOT NULL, recorded_at TEXT NOT NULL,
        recorded_by TEXT NOT NULL, revoked_at TEXT, revoked_by TEXT, reason TEXT, PRIMARY KEY (id)) STRICT, WITHOUT ROWID;
CREATE TABLE events (
        seq INTEGER NOT NULL PRIMARY KEY, at TEXT NOT NULL, actor TEXT NOT NULL, act TEXT NOT NULL,
        product TEXT, detail TEXT NOT NULL, rows TEXT NOT NULL, before_hash TEXT NOT NULL,
        after_hash TEXT NOT NULL, prev_hash TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
INSERT INTO "events" VALUES(1,'2026-11-23T11:36:25.049880Z','Zhao Yi','create',NULL,'{"registry":"feedfacefeedfacefeedfacefeedface"}','{}','44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a','44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a','0000000000000000000000000000000000000000000000000000000000000000','788e3cb56c937910b7a2aec6de909ccaa6598ef5262b077612d0520da62fb7d8');
INSERT INTO "events" VALUES(2,'2026-11-23T11:36:25.051886Z','Qian Er','add','qd:old','{"state":["","draft"],"version":1}','{"[\"products\",\"qd:old\"]":"eacc8174a3cfedd18866c548ddc3255430ae9a8481a8751cdb0abf73470c2ae4"}','44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a','81ef4f09a4dccd5a72f41e537cabb2bf6696f7a2417d1d6c0303e0c6c5b0e16c','788e3cb56c937910b7a2aec6de909ccaa6598ef5262b077612d0520da62fb7d8','0cdaa2924bd5ff3081034ab891947b46950033ae6fb227a0fe9dc7591b5314d3');
INSERT INTO "events" VALUES(3,'2026-11-23T11:36:25.054059Z','A','offer','qd:old','{"offer":1,"state":["draft","draft"],"version":2}','{"[\"offers\",\"qd:old\",1]":"30f40339ebbfd5cc89db1e07ce5504fe5df40e71fca67d192f181cfca09807e9","[\"products\",\"qd:old\"]":"f2bf53a0754fcd21bcf24f120019802169993771749063acc878916e74dbd4f1"}','81ef4f09a4dccd5a72f41e537cabb2bf6696f7a2417d1d6c0303e0c6c5b0e16c','2c1f72f2c9d16fb04fc176917506e71453a0c70668d00e4ba2dbe026d40a5ff3','0cdaa2924bd5ff3081034ab891947b46950033ae6fb227a0fe9dc7591b5314d3','1cf8bbae688f71cc5a1016da0de4d1545b4cdc6e1dec628a112548aa1e612d59');
INSERT INTO "events" VALUES(4,'2026-11-23T11:36:25.059656Z','Qian Er','submit','qd:old','{"state":["draft","in_review"],"version":3}','{"[\"products\",\"qd:old\"]":"d8ad9275a4ebc83ec726626049ad72ab43d800be4322fa3bc417b5f9ab284a56"}','89206f6c69e4ec24021e5c373e4a74cf5f8caf35baa5603c670b168517fb4542','8d2f009627a87aecb0c688285edaf6eda87667c1d0e73f2aab2b8c731e577d19','1cf8bbae688f71cc5a1016da0de4d1545b4cdc6e1dec628a112548aa1e612d59','31f93ec24f8f7d3969b868a062d734d5e845adaf21e8ccb0a70cd078ab97f4fb');
CREATE TABLE listings (
        product TEXT NOT NULL REFERENCES products (id), number INTEGER NOT NULL, exchange TEXT NOT NULL,
        zone TEXT NOT NULL, code TEXT NOT NULL, url TEXT, url_verified_at TEXT, url_verified_by TEXT,
        offer INTEGER NOT NULL, revision INTEGER NOT NULL, state TEXT NOT NULL, listed_at TEXT NOT NULL,
        listed_by TEXT NOT NULL, changed_at TEXT, changed_by TEXT, reason TEXT,
        FOREIGN KEY (product, offer) REFERENCES offers (product, version),
        FOREIGN KEY (product, revision) REFERENCES revisions (product, number),
        PRIMARY KEY (product, number)) STRICT, WITHOUT ROWID;
CREATE TABLE offers (
        product TEXT NOT NULL REFERENCES products (id), version INTEGER NOT NULL, model TEXT NOT NULL,
        currency TEXT, amount_minor INTEGER, amount_scale INTEGER, terms TEXT NOT NULL, valid_from TEXT,
        valid_to TEXT, recorded_at TEXT NOT NULL, recorded_by TEXT NOT NULL,
        PRIMARY KEY (product, version)) STRICT, WITHOUT ROWID;
INSERT INTO "offers" VALUES('qd:old',1,'free',NULL,NULL,NULL,'{"plans":[{"model":"free"}],"valid_from":"2026-01-01","version":1}','2026-01-01',NULL,'2026-11-23T11:36:25.054059Z','A');
CREATE TABLE orders (
        id TEXT NOT NULL, product TEXT NOT NULL, offer INTEGER NOT NULL, listing INTEGER,
        buyer TEXT NOT NULL REFERENCES parties (id), contract TEXT NOT NULL, currency TEXT,
        amount_minor INTEGER, state TEXT NOT NULL, document TEXT NOT NULL, source_sha256 TEXT NOT NULL,
        version INTEGER NOT NULL, recorded_at TEXT NOT NULL, recorded_by TEXT NOT NULL,
        FOREIGN KEY (product, offer) REFERENCES offers (product, version), PRIMARY KEY (id)) STRICT, WITHOUT ROWID;
CREATE TABLE parties (
        id TEXT NOT NULL, name TEXT NOT NULL, name_zh TEXT NOT NULL, uscc TEXT, document TEXT NOT NULL,
        version INTEGER NOT NULL, recorded_at TEXT NOT NULL, recorded_by TEXT NOT NULL,
        PRIMARY KEY (id)) STRICT, WITHOUT ROWID;
CREATE TABLE products (
        id TEXT NOT NULL, state TEXT NOT NULL, version INTEGER NOT NULL, title TEXT NOT NULL,
        title_zh TEXT NOT NULL, provider TEXT NOT NULL, theme TEXT NOT NULL, grade TEXT NOT NULL,
        declared_bytes INTEGER, declared_chunks INTEGER, document TEXT NOT NULL, submitted_by TEXT,
        reviewed_by TEXT, publicity TEXT,
        created_at TEXT NOT NULL, updated_at TEXT NOT NULL, PRIMARY KEY (id)) STRICT, WITHOUT ROWID;
INSERT INTO "products" VALUES('qd:old','in_review',3,'An old product','旧产品','Second Institute','','',NULL,NULL,'{"attribution":{"en":"Second Institute"},"entry":"old","example":false,"id":"qd:old","licence":"CC-BY-4.0","provider":{"en":"Second Institute"},"record_unit":"daily grid","schema_version":1,"title":{"en":"An old product","zh":"旧产品"}}','Qian Er',NULL,NULL,'2026-11-23T11:36:25.051886Z','2026-11-23T11:36:25.059656Z');
CREATE TABLE registrations (
        scheme TEXT NOT NULL, authority TEXT NOT NULL, number TEXT NOT NULL,
        product TEXT NOT NULL REFERENCES products (id), issued_on TEXT NOT NULL, expires_on TEXT,
        verify_url TEXT, scan_sha256 TEXT, covers_revision INTEGER, publicity TEXT,
        recorded_at TEXT NOT NULL, recorded_by TEXT NOT NULL, PRIMARY KEY (scheme, authority, number)) STRICT, WITHOUT ROWID;
CREATE TABLE revisions (
        product TEXT NOT NULL REFERENCES products (id), number INTEGER NOT NULL, repository TEXT NOT NULL,
        layout TEXT NOT NULL, tag TEXT NOT NULL, snapshot TEXT NOT NULL, content_root TEXT NOT NULL,
        stored_bytes INTEGER NOT NULL, decoded_bytes INTEGER, chunks INTEGER NOT NULL, records INTEGER,
        record_unit TEXT NOT NULL, change TEXT NOT NULL, difference TEXT, recorded_at TEXT NOT NULL,
        recorded_by TEXT NOT NULL, finalized_at TEXT, finalized_by TEXT, revoked_at TEXT, revoked_by TEXT,
        reason TEXT, PRIMARY KEY (product, number)) STRICT, WITHOUT ROWID;
CREATE TABLE settings (name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name)) STRICT, WITHOUT ROWID;
INSERT INTO "settings" VALUES('id','feedfacefeedfacefeedfacefeedface');
INSERT INTO "settings" VALUES('schema','2');
CREATE INDEX products_by_state ON products (state, id);
CREATE INDEX products_by_provider ON products (provider, id);
CREATE INDEX revisions_by_root ON revisions (content_root);
CREATE INDEX registrations_by_product ON registrations (product);
CREATE UNIQUE INDEX listings_by_code ON listings (exchange, zone, code) WHERE state <> 'delisted';
CREATE INDEX events_by_product ON events (product, seq);
CREATE TRIGGER events_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'refused: events are never changed'); END;
CREATE TRIGGER events_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'refused: events are never changed'); END;
CREATE TRIGGER events_insert BEFORE INSERT ON events WHEN NEW.seq <> COALESCE((SELECT MAX(seq) FROM events), 0) + 1 OR NEW.prev_hash <> COALESCE((SELECT hash FROM events ORDER BY seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') BEGIN SELECT RAISE(ABORT, 'refused: events are only appended, each after the one before it'); END;
CREATE TRIGGER offers_update BEFORE UPDATE ON offers BEGIN SELECT RAISE(ABORT, 'refused: the terms of an offer are never changed'); END;
CREATE TRIGGER offers_delete BEFORE DELETE ON offers BEGIN SELECT RAISE(ABORT, 'refused: the terms of an offer are never changed'); END;
CREATE TRIGGER offers_insert BEFORE INSERT ON offers WHEN EXISTS (SELECT 1 FROM offers WHERE product = NEW.product AND version = NEW.version) BEGIN SELECT RAISE(ABORT, 'refused: the terms of an offer are never changed'); END;
CREATE TRIGGER revisions_update BEFORE UPDATE ON revisions WHEN OLD.finalized_at IS NOT NULL AND (NEW.product IS NOT OLD.product OR NEW.number IS NOT OLD.number OR NEW.repository IS NOT OLD.repository OR NEW.layout IS NOT OLD.layout OR NEW.tag IS NOT OLD.tag OR NEW.snapshot IS NOT OLD.snapshot OR NEW.content_root IS NOT OLD.content_root OR NEW.stored_bytes IS NOT OLD.stored_bytes OR NEW.decoded_bytes IS NOT OLD.decoded_bytes OR NEW.chunks IS NOT OLD.chunks OR NEW.records IS NOT OLD.records OR NEW.record_unit IS NOT OLD.record_unit OR NEW.change IS NOT OLD.change OR NEW.difference IS NOT OLD.difference OR NEW.recorded_at IS NOT OLD.recorded_at OR NEW.recorded_by IS NOT OLD.recorded_by OR NEW.finalized_at IS NOT OLD.finalized_at OR NEW.finalized_by IS NOT OLD.finalized_by OR (OLD.revoked_at IS NOT NULL AND (NEW.revoked_at IS NOT OLD.revoked_at OR NEW.revoked_by IS NOT OLD.revoked_by OR NEW.reason IS NOT OLD.reason))) BEGIN SELECT RAISE(ABORT, 'refused: a finalised revision is never changed'); END;
CREATE TRIGGER revisions_delete BEFORE DELETE ON revisions WHEN OLD.finalized_at IS NOT NULL BEGIN SELECT RAISE(ABORT, 'refused: a finalised revision is never changed'); END;
CREATE TRIGGER revisions_insert BEFORE INSERT ON revisions WHEN EXISTS (SELECT 1 FROM revisions WHERE product = NEW.product AND number = NEW.number) BEGIN SELECT RAISE(ABORT, 'refused: a finalised revision is never changed'); END;
CREATE INDEX orders_by_product ON orders (product, id);
CREATE INDEX entitlements_by_product ON entitlements (product, id);
COMMIT;
