// The page only reads: it sends no request but for the document, so that nobody types a
// token into it.
SwaggerUIBundle({
  url: '/openapi.json', dom_id: '#api', deepLinking: true, supportedSubmitMethods: [], validatorUrl: null,
  showExtensions: true, defaultModelsExpandDepth: 0, docExpansion: 'list', syntaxHighlight: { activated: false },
});
