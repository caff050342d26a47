// The page only reads: it sends no request but for the document, and takes no token. A lock
// beside an operation says that it wants one; pressing it does nothing.
const inert = (Lock, { React }) => (props) => React.createElement(Lock, { ...props, onClick: () => {} });
SwaggerUIBundle({
  url: '/openapi.json', dom_id: '#api', deepLinking: true, supportedSubmitMethods: [], validatorUrl: null,
  showExtensions: true, defaultModelsExpandDepth: 0, docExpansion: 'list', syntaxHighlight: { activated: false },
  plugins: [() => ({ wrapComponents: { authorizeBtn: () => () => null, authorizeOperationBtn: inert } })],
});
