package netns

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/deploy/local/embedmongo"
)

// serveStore is the part of this binary that holds the databases of one cloud, in memory and
// on that cloud's loopback. The services run as in production, and take it for a real one
// that they speak with directly. For each line with a database's name it writes one with
// how many documents each of its collections has; it ends with its input.
func serveStore() int {
	m, err := embedmongo.Start(embedmongo.Options{Addr: "127.0.0.1:27017", Undeclared: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer m.Close()
	ctx := context.Background()
	client, err := mongo.Connect(ctx, options.Client().ApplyURI(m.URI()))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("mongodb://127.0.0.1:27017/?directConnection=true")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		counts, err := count(ctx, client.Database(lines.Text()))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		if err := json.NewEncoder(os.Stdout).Encode(counts); err != nil {
			return 1
		}
	}
	return 0
}

func count(ctx context.Context, db *mongo.Database) (map[string]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	names, err := db.ListCollectionNames(ctx, bson.D{})
	out := map[string]int64{}
	for _, name := range names {
		if out[name], err = db.Collection(name).CountDocuments(ctx, bson.D{}); err != nil {
			return nil, err
		}
	}
	return out, err
}
