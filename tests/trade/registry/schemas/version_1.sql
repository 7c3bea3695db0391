BEGIN TRANSACTION;
CREATE TABLE events (
        seq INTEGER NOT NULL PRIMARY KEY, at TEXT NOT NULL, actor TEXT NOT NULL, act TEXT NOT NULL,
        product TEXT, detail TEXT NOT NULL, rows TEXT NOT NULL, before_hash TEXT NOT NULL,
        after_hash TEXT NOT NULL, prev_hash TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
INSERT INTO "events" VALUES(1,'2026-11-23T11:36:24.960293Z','Zhao Yi','create',NULL,'{"registry":"feedfacefeedfacefeedfacefeedface"}','{}','44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a','44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a','0000000000000000000000000000000000000000000000000000000000000000','5398620a64f7c13e952344154b44698d262fca6581c1e760deaf547f165e87ea');
INSERT INTO "events" VALUES(2,'2026-11-23T11:36:25.023714Z','Qian Er','add','qd:old','{"state":["","draft"],"version":1}','{"[\"products\",\"qd:old\"]":"68ec3b74e724c1bd8fa035ad3b02094d40192cb807566f6300e5df5c1cac1e24"}','44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a','914c42ae24aa87dafd493615a243e4d8a1fc5a4b5850b59ba20c94d9b56bc02c','5398620a64f7c13e952344154b44698d262fca6581c1e760deaf547f165e87ea','8f40ee7c97dc7ce93bcd21b8da5cb3050053cb12809028cff803d8f2a84f5a89');
INSERT INTO "events" VALUES(3,'2026-11-23T11:36:25.030917Z','A','offer','qd:old','{"offer":1,"state":["draft","draft"],"version":2}','{"[\"offers\",\"qd:old\",1]":"c06bb7b6ec29e18d8b5a3f6865627a8c16981b1cd5c2869a96190b190cee3023","[\"products\",\"qd:old\"]":"26d64db597d994cd8b44cc3b61947b4c2cf10865ab998e7843acf94f9dcc7321"}','914c42ae24aa87dafd493615a243e4d8a1fc5a4b5850b59ba20c94d9b56bc02c','4708a436e84519fb62d9af7c6671b511a32fe50cca2fe2328077c6844ecfe1ad','8f40ee7c97dc7ce93bcd21b8da5cb3050053cb12809028cff803d8f2a84f5a89','945afa99c320f56ee4dafbd520f7df6cc811efc5c6e9fdf17419d25bec4dd8ad');
INSERT INTO "events" VALUES(4,'2026-11-23T11:36:25.035190Z','Qian Er','submit','qd:old','{"state":["draft","in_review"],"version":3}','{"[\"products\",\"qd:old\"]":"07e81a7b1b394c2f8ba1cfe5e0fadc2d163a8a31e3931662fccd3d916e104ee1"}','8ea63615b089c6ec024bdbf94e1a8e8a9ee3d110e16a742b10264114955626a2','f059ecc013f60684cd3b2841a48ba9426b752d5b05ffbecbf3532bca78ac7aaf','945afa99c320f56ee4dafbd520f7df6cc811efc5c6e9fdf17419d25bec4dd8ad','2dba18fb59c70b02a4fe29a004c409679813ac8f1118d31caf606627cbf91d09');
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
INSERT INTO "offers" VALUES('qd:old',1,'free',NULL,NULL,NULL,'{"plans":[{"model":"free"}],"valid_from":"2026-01-01","version":1}','2026-01-01',NULL,'2026-11-23T11:36:25.030917Z','A');
CREATE TABLE products (
        id TEXT NOT NULL, state TEXT NOT NULL, version INTEGER NOT NULL, title TEXT NOT NULL,
        title_zh TEXT NOT NULL, provider TEXT NOT NULL, theme TEXT NOT NULL, grade TEXT NOT NULL,
        declared_bytes INTEGER, declared_chunks INTEGER, document TEXT NOT NULL, submitted_by TEXT,
        reviewed_by TEXT, publicity TEXT,
        created_at TEXT NOT NULL, updated_at TEXT NOT NULL, PRIMARY KEY (id)) STRICT, WITHOUT ROWID;
INSERT INTO "products" VALUES('qd:old','in_review',3,'An old product','旧产品','Second Institute','','',NULL,NULL,'{"attribution":{"en":"Second Institute"},"entry":"old","example":false,"id":"qd:old","licence":"CC-BY-4.0","provider":{"en":"Second Institute"},"record_unit":"daily grid","schema_version":1,"title":{"en":"An old product","zh":"旧产品"}}','Qian Er',NULL,NULL,'2026-11-23T11:36:25.023714Z','2026-11-23T11:36:25.035190Z');
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
INSERT INTO "settings" VALUES('schema','1');
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
COMMIT;
